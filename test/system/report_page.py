"""A page of tools/report.py as a test reads it: is it whole, what is in its drawings, and where are their words?"""

import html.parser

CHARACTER_WIDTH = 0.6  # of the font's size, on average; a page is read in many typefaces


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in order, and notes what could be loaded from elsewhere."""

    VOID = {"meta", "br", "line", "rect", "circle", "polygon", "polyline", "path", "img"}

    def __init__(self, text: str):
        super().__init__()
        self.open, self.outside, self.tags, self.text = [], [], [], ""
        self.pictures = []  # (alt, data URI)
        self.drawings = []  # {"label", "view": box, "shapes": [(tag, attributes)], "words": [(attributes, text)]}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        if tag == "img" and values["src"].startswith("data:"):
            self.pictures.append((values["alt"], values["src"]))
        else:
            self.outside += [value for name, value in attributes if name in ("src", "href", "data", "action")]
        if tag == "svg":
            left, top, width, height = map(float, values["viewbox"].split())
            self.drawings.append({"label": values["aria-label"], "view": (left, top, left + width, top + height),
                                  "shapes": [], "words": []})
        elif "svg" in self.open and tag != "title":
            self.drawings[-1]["words" if tag == "text" else "shapes"].append(
                [values, ""] if tag == "text" else (tag, values))
        if tag not in self.VOID or tag in ("line", "rect", "circle", "path") and "svg" in self.open:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        last = self.open.pop()
        assert tag == last, f"</{tag}> closes <{last}>"

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "text":
            self.drawings[-1]["words"][-1][1] += data

    def drawing(self, label: str) -> dict:
        found, = (drawing for drawing in self.drawings if drawing["label"] == label)
        return found

    def words_in_the_way(self) -> list:
        """Words in drawings that are cut off at the edge or overlap others, one sentence each."""
        found = []
        for drawing in self.drawings:
            view, boxes = drawing["view"], [(text, box_of(values, text)) for values, text in drawing["words"]]
            found += [f"{drawing['label']}: {text!r} is cut off" for text, box in boxes
                      if box[0] < view[0] or box[1] < view[1] or box[2] > view[2] or box[3] > view[3]]
            found += [f"{drawing['label']}: {a!r} overlaps {b!r}" for i, (a, box) in enumerate(boxes)
                      for b, other in boxes[i + 1:] if overlap(box, other)]
        return found


def box_of(attributes: dict, text: str) -> tuple:
    """(left, top, right, bottom) of words in a drawing, whose place is that of their middle line."""
    size = float(attributes["font-size"])
    assert attributes["dominant-baseline"] == "central"
    x, y, width = float(attributes["x"]), float(attributes["y"]), CHARACTER_WIDTH * size * len(text)
    left = x - {"start": 0, "middle": width / 2, "end": width}[attributes["text-anchor"]]
    return left, y - size / 2, left + width, y + size / 2


def overlap(a: tuple, b: tuple) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
