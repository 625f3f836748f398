"""Reads overlays that are written down as lines of text, into the entries of tools/shapes.py."""

import re

import shapes

KEYED = re.compile(r"(\w[\w ]*?)\s*(?:[:=]|-(?=\s))\s*(.*)")  # `neighbours: a, b`, `ip = 10.0.0.1`, `ip- 10.0.0.1`
RULE = re.compile(r"[-=*_]{2,}")
SECTION = re.compile(r"\[(.*)\]")


def read(reader, text):
    """Adds to the reader's entries, and its complaints."""
    lines = [(number, re.sub(r"(^|\s)(#|//).*|^;.*", "", line).strip())
             for number, line in enumerate(text.splitlines(), 1)]
    keys = [shapes.plain(found[1]) for _, line in lines if (found := KEYED.fullmatch(line))]
    if shapes.NEIGHBOURS & set(keys):
        read_keyed(reader, lines)
        return
    rows = [(number, *split(line)) for number, line in lines if line]
    while rows and any(rest for _, _, rest, _ in rows) and not rows[0][2] and rows[0][1].isdigit():
        del rows[0]  # how many lines follow
    if rows and rows[0][2] and shapes.plain(rows[0][1]) in shapes.EDGE_BEGINS and \
            shapes.plain(rows[0][2][0]) in shapes.EDGE_ENDS:
        del rows[0]  # a table's head
    if not rows:
        raise shapes.Unusable(f"{reader.file}: no node is in it")
    if all(not rest for _, _, rest, _ in rows):
        read_node(reader, lines, rows)
    elif all(is_edge for *_, is_edge in rows):
        read_edges(reader, rows)
    else:
        for reader.line, head, rest, _ in rows:
            reader.add(reader.mention(head, ""), reader.neighbours(rest, ""), "")


def split(line):
    """The node at the beginning, the others, and whether the line may be an edge: `A:B,C`, `A B C`, `A -> B`."""
    line = re.sub(r"\s*(<?[-=]+>|<?--+|\|)\s*", " ", line)
    first = re.split(r"[\s,;]", line, maxsplit=1)[0]
    colon = None
    if not shapes.address_of(first):
        colon = re.match(r"(\[[^\]]*\](?::\d+)?|[^\s:,;]+:\d{1,5}(?=\s*:)|[^\s:,;]+)\s*[:=]\s*(.*)", line)
        if shapes.address_of(first.rstrip(":")):
            colon = re.match(r"(\S+?):(?:\s+(.*)|$)", line) or colon
    head, rest = (colon[1], shapes.words(colon[2] or "")) if colon else (first, shapes.words(line)[1:])
    is_edge = colon is None and (len(rest) == 1 or len(rest) == 2 and rest[1].isdigit() and not head.isdigit())
    return head.strip("\"'"), rest, is_edge


def read_edges(reader, rows):
    """Two ends a line, and a cost. Where others link names, a name with an address is a node's."""
    of_names = any(not shapes.address_of(end) for _, _, rest, _ in rows for end in rest[:1])
    for reader.line, head, rest, _ in rows:
        if of_names and not rest[1:] and not shapes.address_of(head) and shapes.address_of(rest[0]):
            reader.add(shapes.Mention(head, shapes.address_of(rest[0])), [], "")
        else:
            reader.add_edge([reader.mention(end, "") for end in (head, rest[0])], rest[1] if rest[1:] else None, "")


def read_node(reader, lines, rows):
    """A file for each node: its own addresses, an empty line and its neighbours; or these alone, one a line."""
    first, last = rows[0][0], rows[-1][0]
    gap = next((number for number, line in lines if first < number < last and not line), first)
    entry = shapes.Entry([], [], [], f"{reader.file}:{first}")
    for reader.line, head, _, _ in rows:
        if reader.line < gap:
            reader.name(entry, head)
        else:
            entry.neighbours += reader.neighbours([head], "")
    if not entry.names:
        entry.names.append(reader.stem)
    reader.entries.append(entry)


def read_keyed(reader, lines):
    """Blocks of lines with a key each, a block for each node; empty lines, rules and [names] are between them."""
    blocks = [(1, [], {})]  # (line, names, {key: values})
    for reader.line, line in lines:
        section, keyed = SECTION.fullmatch(line), KEYED.fullmatch(line)
        if section or not line or RULE.fullmatch(line):
            blocks.append((reader.line, [section[1]] if section else [], {}))
        elif keyed:
            key = shapes.plain(keyed[1])
            values = shapes.words(keyed[2]) if key in shapes.NEIGHBOURS | shapes.ADDRESSES else [keyed[2]]
            blocks[-1][2].setdefault(keyed[1], []).extend(values)
        else:
            reader.complain(reader.at(""), f"{line[:60]!r} says nothing of a node")
    known = [block for block in blocks
             if {shapes.plain(key) for key in block[2]} & (shapes.NEIGHBOURS | shapes.ADDRESSES)]
    for reader.line, names, body in known:
        of_file = len(known) == 1 and not names and not {shapes.plain(key) for key in body} & shapes.NAMES
        reader.add_node({key: values[0] if len(values) == 1 else values for key, values in body.items()}, "",
                        [reader.stem] if of_file else names)
