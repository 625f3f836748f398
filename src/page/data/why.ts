// The lines of /api/v1/why, which are written for people, put in order: the way, its links, other ways. What is not
// understood stays a line.

/** "10.0.0.1 (n1)", or an id alone. */
export interface WhyNode {
  id: string;
  name: string;
}

export interface WhyStep {
  from: WhyNode;
  to: WhyNode;
  facts: string;
}

export interface WhyWay {
  isOther: boolean;
  /** None where the line is not understood. */
  nodes: WhyNode[];
  /** What is said of it: "costs 33.6 ms: worse"; the whole line where it is not understood. */
  verdict: string;
  steps: WhyStep[];
  notes: string[];
}

const kOther = /^\s*another way: (.+?): (costs .*)$/;
const kTaken = /^stream .+? to .+? (by \w+): (.+?): (costs .*)$/;
const kStep = /^\s+(.+?) -> (.+?): (.*)$/;
const kIndented = /^\s/;

function nodeOf(text: string): WhyNode {
  const space = text.indexOf(' (');
  if (space < 0) return { id: text, name: text };
  return { id: text.slice(0, space), name: text.slice(space + 2, -1) };
}

function wayOf(line: string): WhyWay {
  const other = kOther.exec(line);
  const taken = kTaken.exec(line);
  const names = other?.[1] ?? taken?.[2];
  return {
    isOther: line.trimStart().startsWith('another way'),
    nodes: names ? names.split(', ').map(nodeOf) : [],
    verdict: other ? other[2]! : taken ? `${taken[1]!}: ${taken[3]!}` : line.trim(),
    steps: [],
    notes: [],
  };
}

export function readWhy(lines: readonly string[]): WhyWay[] {
  const ways: WhyWay[] = [];
  for (const line of lines) {
    const last = ways[ways.length - 1];
    const step = kStep.exec(line);
    if (!last || !kIndented.test(line) || kOther.test(line)) ways.push(wayOf(line));
    else if (step) last.steps.push({ from: nodeOf(step[1]!), to: nodeOf(step[2]!), facts: step[3]! });
    else last.notes.push(line.trim());
  }
  return ways;
}
