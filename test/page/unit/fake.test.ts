// The made-up overlay answers what src/role/openapi.yaml describes: else tests with it would show nothing. So this holds
// the page's own types against it, too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { kSigns, toneOf } from '../../../src/page/data/events';
import { FakeOverlay } from '../fake/overlay';

interface Schema {
  $ref?: string;
  type?: string;
  nullable?: boolean;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
}

const api = parse(readFileSync('src/role/openapi.yaml', 'utf8')) as {
  paths: Record<string, { get: { responses: { '200': { content: Record<string, { schema: Schema }> } } } }>;
  components: { schemas: Record<string, Schema> };
};

function check(value: unknown, schema: Schema, at: string): void {
  if (schema.$ref) return check(value, api.components.schemas[schema.$ref.split('/').pop()!]!, at);
  if (value === null) return assert.ok(schema.nullable, `${at} is null`);
  if (schema.enum) assert.ok(schema.enum.includes(value), `${at} is ${JSON.stringify(value)}`);
  if (schema.type === 'array') {
    assert.ok(Array.isArray(value), `${at} is no array`);
    for (const [i, item] of value.entries()) check(item, schema.items!, `${at}[${i}]`);
  } else if (schema.type === 'object') {
    assert.equal(typeof value, 'object', at);
    const object = value as Record<string, unknown>;
    for (const name of schema.required ?? []) assert.ok(name in object, `${at} lacks ${name}`);
    for (const [name, part] of Object.entries(schema.properties ?? {}))
      if (object[name] !== undefined) check(object[name], part, `${at}.${name}`);
  } else if (schema.type === 'integer') {
    assert.ok(Number.isInteger(value), `${at} is ${String(value)}`);
  } else {
    assert.equal(typeof value, schema.type, at);
  }
}

function answer(path: string): Schema {
  return api.paths[path]!.get.responses['200'].content['application/json']!.schema;
}

test('its answers are those of the API', () => {
  let time = 1_700_000_000;
  const overlay = new FakeOverlay({ nodes: 80, seed: 5, now: () => (time += 0.01) });
  for (let i = 0; i < 20; ++i) {
    overlay.step();
    overlay.happen();
    check(overlay.overlay(), answer('/api/v1/overlay'), 'overlay');
    check({ streams: overlay.streamList() }, answer('/api/v1/streams'), 'streams');
    check({ routes: overlay.routes() }, answer('/api/v1/routes'), 'routes');
    check({ ...overlay.figures(overlay.nodes[0]!.id), rings: {}, flows: [] }, answer('/api/v1/node'), 'node');
    const route = overlay.routes()[0]!;
    check(overlay.why(route.stream, route.tree[route.tree.length - 1]!.node), answer('/api/v1/why'), 'why');
  }
  assert.ok(overlay.events.length > 20);
  for (const { event } of overlay.events) check(event, api.components.schemas['Event']!, 'event');
});

test('what does not fit is found', () => {
  const wrong = { self: '', name: '', nodes: [{ id: 1, name: '', role: 'king', streams: [] }], links: [] };
  assert.throws(() => check(wrong, answer('/api/v1/overlay'), 'overlay'), /nodes\[0\].id/);
  assert.throws(() => check({}, answer('/api/v1/overlay'), 'overlay'), /lacks self/);
});

test('each kind of event has a sign and a tone', () => {
  const kinds = api.components.schemas['Event']!.properties!['kind']!.enum as (keyof typeof kSigns)[];
  assert.deepEqual(Object.keys(kSigns).sort(), [...kinds].sort());
  const tones = (tone: string) => kinds.filter((kind) => toneOf({ time: 0, kind, text: '' }) === tone).sort();
  assert.deepEqual(tones('bad'), ['alone', 'link-gone', 'missed', 'node-gone', 'stream-gone']);
  assert.deepEqual(tones('good'), ['back', 'link-came', 'moved', 'node-came', 'stream-came']);
  assert.equal(toneOf({ time: 0, kind: 'moved', text: '', frames_lost: 2 }), 'bad');
});
