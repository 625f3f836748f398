// Which overlay this is, who shows it, and whether that process still answers.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { contact, overlay, self } from '../data/contact';
import { span } from '../data/format';
import { view, type View } from '../data/selection';
import { nameOf } from './parts';

const kTabs: [View, string][] = [
  ['map', 'Map'],
  ['tables', 'Tables'],
];

/** Names the node in the page's title, too. */
export function Head() {
  const { self: id, name } = overlay.value;
  const shown = id ? nameOf(id) : '';
  useEffect(() => {
    const lost = contact.value.state === 'lost' ? 'lost: ' : '';
    document.title = shown ? `${lost}${shown} · ottd` : 'ottd';
  }, [shown, contact.value.state]);
  return (
    <header class="head">
      <h1>
        ottd
        {name && <span class="overlay-name">{name}</span>}
      </h1>
      <p class="who">
        {shown && (
          <>
            <span class="self-name">{shown}</span>
            {shown !== id && <span class="self-id">{id}</span>}
            {self.value && <span class="self-role">{self.value.role}</span>}
          </>
        )}
      </p>
      <p class={`contact ${contact.value.state}`}>
        <span class="dot" aria-hidden="true" />
        {{ seeking: 'connecting', live: 'live', lost: 'lost' }[contact.value.state]}
      </p>
      <nav class="tabs" aria-label="View">
        {kTabs.map(([name, label]) => (
          <button key={name} type="button" aria-pressed={view.value === name} onClick={() => (view.value = name)}>
            {label}
          </button>
        ))}
      </nav>
    </header>
  );
}

/** Says so when the node does not answer any more; what is shown below is from before. */
export function Lost() {
  const { state, since, why } = contact.value;
  const now = useSignal(Date.now());
  useEffect(() => {
    if (state !== 'lost') return undefined;
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, [state]);
  return (
    <div role="alert">
      {state === 'lost' && (
        <p class="lost-note">
          <strong>The node at {location.host} is lost:</strong> {why}. What you see is from before; it is tried again all
          the time.{' '}
          <span aria-hidden="true">Lost for {span((Math.max(now.value, since) - since) / 1000)}.</span>
        </p>
      )}
    </div>
  );
}
