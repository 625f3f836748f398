import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundaryOf, MultipartReader, type Part } from '../../../src/page/data/multipart';

const kBodies = [Buffer.from([1, 2, 13, 10, 13, 10, 45, 45, 3]), Buffer.alloc(0), Buffer.alloc(5000, 0xff)];

function written(bodies: readonly Buffer[]): Buffer {
  const parts = bodies.map((body, i) =>
    Buffer.concat([
      Buffer.from(`Content-Type: image/jpeg\r\nContent-Length: ${body.length}\r\nX-Stream: cam%20${i}\r\n\r\n`),
      body,
      Buffer.from('\r\n--b\r\n'),
    ]),
  );
  return Buffer.concat([Buffer.from('--b\r\n'), ...parts]);
}

function read(chunks: readonly Uint8Array[]): Part[] {
  const parts: Part[] = [];
  const reader = new MultipartReader('b', (part) => parts.push(part));
  for (const chunk of chunks) reader.push(chunk);
  return parts;
}

test('parts come out whole, however the bytes come in', () => {
  const all = written(kBodies);
  for (const size of [1, 2, 3, 7, 64, 1000, all.length]) {
    const chunks = [];
    for (let at = 0; at < all.length; at += size) chunks.push(all.subarray(at, at + size));
    const parts = read(chunks);
    assert.deepEqual(
      parts.map((part) => Buffer.from(part.body)),
      kBodies,
      `in pieces of ${size}`,
    );
    assert.deepEqual(
      parts.map((part) => part.fields.get('x-stream')),
      ['cam%200', 'cam%201', 'cam%202'],
    );
  }
});

test('a part is there as soon as its last byte is', () => {
  const all = written([Buffer.from('whole')]);
  assert.equal(read([all.subarray(0, all.indexOf('whole') + 4)]).length, 0);
  assert.equal(read([all.subarray(0, all.indexOf('whole') + 5)]).length, 1);
});

test('what is no multipart, or has no bound, is refused', () => {
  for (const [text, says] of [
    ['HTTP/1.1 200 OK\r\n\r\n', /no boundary/],
    ['--b\r\nContent-Type: image/jpeg\r\n\r\n', /unknown bytes/],
    ['--b\r\nContent-Length: -1\r\n\r\n', /-1 bytes/],
    ['--b\r\nContent-Length: 99999999999\r\n\r\n', /99999999999 bytes/],
    [`--b\r\nX: ${'x'.repeat(9000)}`, /more than 8192 bytes/],
  ] as const)
    assert.throws(() => read([Buffer.from(text)]), says);
});

test('the boundary is what the Content-Type says', () => {
  assert.equal(boundaryOf('multipart/x-mixed-replace; boundary=ottdframe'), 'ottdframe');
  assert.equal(boundaryOf('multipart/x-mixed-replace;boundary="a b"'), 'a b');
  assert.throws(() => boundaryOf('application/json'), /no multipart: application\/json/);
  assert.throws(() => boundaryOf(''), /no Content-Type/);
});
