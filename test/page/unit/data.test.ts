// Sites, figures for people, histories, and the paths at which streams are played.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, milliseconds, picture, rate, share, span } from '../../../src/page/data/format';
import { History, kSlots } from '../../../src/page/data/history';
import { familyOf, playingOf } from '../../../src/page/data/playing';
import { addressOf, siteOf } from '../../../src/page/data/site';

test('a site is a /24 of IPv4, a /64 of IPv6, and a node alone where its id is no address', () => {
  for (const [id, site] of [
    ['10.0.3.17', '10.0.3.0/24'],
    ['10.0.3.17:7001', '10.0.3.0/24'],
    ['2001:db8::1', '2001:db8::/64'],
    ['[2001:db8::1]:7001', '2001:db8::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:1:0:ffff::1', '2001:db8:1::/64'],
    ['::1', '0::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['guest-7', 'guest-7'],
  ] as const)
    assert.equal(siteOf(id), site, id);
  assert.equal(addressOf('[::1]:7001'), '::1');
  assert.equal(siteOf('[2001:db8::1]:7001'), siteOf('2001:db8::ffff'));
});

test('figures have three digits or fewer, and a unit', () => {
  assert.equal(count(1_234_567), '1\u202f234\u202f567');
  assert.deepEqual([0, 0.3, 64, 999, 1000, 9400, 12_500, 999_499, 999_500, 2.5e6].map(rate), [
    '0 kbit/s', '0.3 kbit/s', '64 kbit/s', '999 kbit/s', '1.0 Mbit/s', '9.4 Mbit/s', '13 Mbit/s', '999 Mbit/s', '1.0 Gbit/s',
    '2.5 Gbit/s',
  ]);
  assert.deepEqual([null, undefined, 0.31, 4.26, 99.96, 123.4, 12_345].map(milliseconds), [
    '–', '–', '0.31 ms', '4.3 ms', '100.0 ms', '123 ms', '12 s',
  ]);
  assert.deepEqual([null, 0, 0.0004, 0.013, 1].map(share), ['–', '0 %', '0.04 %', '1.3 %', '100.0 %']);
  assert.deepEqual([0, 999, 1000, 2_400_000].map(bytes), ['0 B', '999 B', '1.0 kB', '2.4 MB']);
  assert.deepEqual([-1, 59.9, 60, 3599, 3600, 5400, 90_000].map(span), [
    '0 s', '59 s', '1 min', '59 min', '1 h', '1 h 30 min', '1 d',
  ]);
  assert.equal(picture({ width: 640, height: 360, fps: 29.97 }), '640×360, 30 frames/s');
  assert.equal(picture({ width: 0, height: 0 }), '');
});

test('a history has the newest moments alone, and gaps where a figure was not there', () => {
  const history = new History();
  history.begin(1);
  history.set('n', 'a', 10);
  history.begin(2);
  history.set('n', 'b', 20);
  history.begin(3);
  history.set('gone', 'a', 1);
  history.set('n', 'a', 30);
  assert.deepEqual(history.series('n', 'a'), { times: [1, 2, 3], values: [10, NaN, 30] });
  assert.deepEqual(history.series('n', 'b'), { times: [1, 2, 3], values: [NaN, 20, NaN] });
  assert.deepEqual(history.series('m', 'a').values, [NaN, NaN, NaN]);
  for (let time = 4; time < 4 + 2 * kSlots; ++time) {
    history.begin(time);
    history.set('n', 'a', time);
  }
  const { times, values } = history.series('n', 'a');
  assert.equal(times.length, kSlots);
  assert.deepEqual(times, values);
  assert.equal(times[kSlots - 1], 3 + 2 * kSlots);
  assert.equal(history.owners, 1); // what is gone is forgotten
});

test('a stream is played by its own path, or together with the other parts of its name', () => {
  assert.deepEqual(['cam', 'cam/video', '/x', '/x/y'].map(familyOf), ['cam', 'cam', '/x', '/x']);
  const listed = [
    { name: 'door', media: 'video', encoding: 'JPEG', mjpg: '/door.mjpg', jpg: '/door.jpg' },
    { name: 'cam/video', media: 'video', encoding: 'H264', mp4: '/cam/video.mp4' },
    { name: 'cam/audio', media: 'audio', encoding: 'opus', mp4: '/cam/audio.mp4' },
    { name: 'cam/text', media: 'text', encoding: 't140', events: '/cam/text.events' },
    { name: '/a b/audio', media: 'audio', encoding: 'opus', mp4: '/%2Fa%20b/audio.mp4' },
    { name: 'alone', media: 'audio', encoding: 'opus', mp4: '/alone.mp4' },
    { name: 'odd', media: 'video', encoding: 'VP8' },
  ];
  assert.deepEqual(playingOf('door', listed), { mjpg: './door.mjpg' });
  const together = {
    player: { mp4: './cam.mp4', video: './cam/video.mp4', audio: './cam/audio.mp4', events: './cam.events' },
  };
  for (const part of ['cam/video', 'cam/audio', 'cam/text']) assert.deepEqual(playingOf(part, listed), together);
  assert.deepEqual(playingOf('/a b/audio', listed), {
    player: { mp4: './%2Fa%20b.mp4', audio: './%2Fa%20b/audio.mp4' },
  });
  assert.deepEqual(playingOf('alone', listed), { player: { mp4: './alone.mp4', audio: './alone.mp4' } });
  assert.deepEqual(playingOf('odd', listed), {});
  assert.deepEqual(playingOf('nothing', listed), {});
});
