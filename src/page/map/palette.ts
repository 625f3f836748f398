// The map's colours, which the style sheet has: they differ by light and dark.

const kNames = ['ground', 'panel', 'ink', 'muted', 'link', 'site', 'site-edge', 'accent', 'warn', 'bad'] as const;

export type Palette = Record<(typeof kNames)[number], string> & { font: string };

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const colours = Object.fromEntries(kNames.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  return { ...(colours as Record<(typeof kNames)[number], string>), font: style.fontFamily };
}
