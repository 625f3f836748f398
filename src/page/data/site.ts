// Which nodes stand at the same place: those of one /24 of IPv4, or one /64 of IPv6.

const kGroups = 8;
const kSiteGroups = 4;

/** The address of an id, without its port: "10.0.0.1", "2001:db8::1". */
export function addressOf(id: string): string {
  if (id.startsWith('[')) return id.slice(1, Math.max(1, id.indexOf(']')));
  const colon = id.indexOf(':');
  return colon >= 0 && colon === id.lastIndexOf(':') ? id.slice(0, colon) : id;
}

/** "10.0.0.0/24", "2001:db8:0:1::/64"; the id itself where it is no address. */
export function siteOf(id: string): string {
  const address = addressOf(id);
  const parts = address.split('.');
  if (parts.length === 4 && !address.includes(':')) return `${parts.slice(0, 3).join('.')}.0/24`;
  if (!address.includes(':')) return id;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, kGroups - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after].slice(0, kSiteGroups);
  const shown = groups.map((group) => parseInt(group, 16).toString(16));
  return `${shown.join(':').replace(/(:0)+$/, '')}::/64`;
}
