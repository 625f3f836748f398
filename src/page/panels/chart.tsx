// The last minutes of some figures as lines, with their newest values, or those under the pointer, beside their names.

import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { history, round } from '../data/contact';
import { isDark } from '../data/preferences';

export interface ChartLine {
  label: string;
  /** Whose figure it is, and which, as History has it. */
  owner: string;
  figure: string;
  /** A custom property of the style sheet, or a colour. */
  colour: string;
}

interface ChartProps {
  title: string;
  lines: readonly ChartLine[];
  format: (value: number) => string;
}

const kHeight = 92;
const kAxisWidth = 62;

function resolved(element: Element, colour: string): string {
  return colour.startsWith('--') ? getComputedStyle(element).getPropertyValue(colour).trim() : colour;
}

function dataOf(lines: readonly ChartLine[]): uPlot.AlignedData {
  const series = lines.map((line) => history.series(line.owner, line.figure));
  const gapped = series.map(({ values }) => values.map((value) => (Number.isNaN(value) ? null : value)));
  return [series[0]?.times ?? [], ...gapped];
}

function optionsOf(
  place: Element,
  { lines, format }: ChartProps,
  width: number,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const [muted, edge] = [resolved(place, '--muted'), resolved(place, '--edge')];
  const font = `11px ${getComputedStyle(place).fontFamily}`;
  const axis = { stroke: muted, font, grid: { stroke: edge, width: 1 }, ticks: { show: false } };
  return {
    width,
    height: kHeight,
    padding: [6, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, size: 20, space: 70, values: [[1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] },
      {
        ...axis,
        size: kAxisWidth,
        space: 26,
        values: (_plot: uPlot, ticks: number[]) => ticks.map(format),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, colour }) => ({
        label,
        stroke: resolved(place, colour),
        width: 1.75,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

export function Chart(props: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const pointed = useSignal<number | null>(null);
  const figures = props.lines.map((line) => `${line.owner} ${line.figure}`).join();
  useEffect(() => {
    const at = place.current!;
    const made = new uPlot(
      optionsOf(at, props, Math.max(1, at.clientWidth), (index) => (pointed.value = index)),
      dataOf(props.lines),
      at,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: Math.max(1, at.clientWidth), height: kHeight }));
    observer.observe(at);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [figures, isDark.value]);
  const data = dataOf(props.lines);
  useEffect(() => plot.current?.setData(data), [round.value]);
  const shown = (line: number) => {
    const values = data[line + 1]!;
    const value = values[pointed.value ?? values.length - 1];
    return value === null || value === undefined ? '–' : props.format(value);
  };
  const said = props.lines.map(({ label }, i) => `${label} ${shown(i)}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{props.title}</span>
        {props.lines.map((line, i) => (
          <span key={line.label} class="chart-value">
            <svg viewBox="0 0 12 4" aria-hidden="true">
              <path d="M0 2h12" style={{ stroke: line.colour.startsWith('--') ? `var(${line.colour})` : line.colour }} />
            </svg>
            {line.label} {shown(i)}
          </span>
        ))}
      </figcaption>
      <div ref={place} role="img" aria-label={`${props.title}, the last three minutes; now: ${said}`} />
    </figure>
  );
}
