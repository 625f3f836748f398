// Figures as people read them.

const kThin = '\u202f'; // narrow no-break space

export function count(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, kThin);
}

export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

function digits(value: number): string {
  return value >= 100 ? count(value) : value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

export function rate(kbps: number): string {
  if (kbps >= 999_500) return `${digits(kbps / 1e6)} Gbit/s`;
  if (kbps >= 999.5) return `${digits(kbps / 1e3)} Mbit/s`;
  return `${kbps > 0 && kbps < 9.95 ? kbps.toFixed(1) : Math.round(kbps)} kbit/s`;
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 10_000) return `${digits(value / 1e3)} s`;
  return value >= 100 ? `${count(value)} ms` : `${value.toFixed(value < 1 ? 2 : 1)} ms`;
}

export function share(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '0 %';
  return `${(100 * value).toFixed(value < 0.001 ? 2 : 1)} %`;
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  for (const unit of ['kB', 'MB', 'GB']) {
    value /= 1000;
    if (value < 999.5) return `${digits(value)} ${unit}`;
  }
  return `${digits(value / 1000)} TB`;
}

/** How long something has lasted: "12 s", "3 min", "5 h 10 min", "4 d". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  const minutes = Math.floor((whole % 3600) / 60);
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h${minutes ? ` ${minutes} min` : ''}`;
  return `${Math.floor(whole / 86_400)} d`;
}

/** Local time of day: "14:03:09". */
export function timeOfDay(unix_s: number): string {
  const time = new Date(1000 * unix_s);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** "320×180, 25 frames/s"; what is not known is left out. */
export function picture(stream: { width?: number; height?: number; fps?: number }): string {
  const parts = [];
  if (stream.width && stream.height) parts.push(`${stream.width}×${stream.height}`);
  if (stream.fps) parts.push(`${Number(stream.fps.toPrecision(3))} frames/s`);
  return parts.join(', ');
}
