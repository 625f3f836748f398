// What happens, the newest first.

import { useSignal } from '@preact/signals';
import { events, eventsTrouble, kSigns, toneOf, type SeenEvent } from '../data/events';
import { milliseconds, timeOfDay } from '../data/format';
import { graph } from '../data/contact';
import { selectNode, selectStream } from '../data/selection';

const kShown = 40;
function follow(event: SeenEvent): void {
  if (event.stream !== undefined) selectStream(event.stream);
  if (event.node !== undefined && graph.value.indexOf.has(event.node)) selectNode(event.node);
}

export function EventLine({ event }: { event: SeenEvent }) {
  const leads = event.node !== undefined || event.stream !== undefined;
  return (
    <li class="event" data-tone={toneOf(event)}>
      <time dateTime={new Date(1000 * event.time).toISOString()}>{timeOfDay(event.time)}</time>
      <span class="event-sign" aria-hidden="true">
        {kSigns[event.kind]}
      </span>
      <span class="event-text">
        {leads ? (
          <button type="button" class="link" onClick={() => follow(event)}>
            {event.text}
          </button>
        ) : (
          event.text
        )}
        {typeof event.took_ms === 'number' && <span class="took"> {milliseconds(event.took_ms)}</span>}
      </span>
    </li>
  );
}

export function Events() {
  const isLong = useSignal(false);
  const shown = isLong.value ? events.value : events.value.slice(0, kShown);
  return (
    <section class="events" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      {eventsTrouble.value && <p class="trouble">{eventsTrouble.value}</p>}
      {events.value.length === 0 && <p class="empty">Nothing has happened yet.</p>}
      <div role="log" aria-label="Events, the newest first">
        <ol>
          {shown.map((event) => (
            <EventLine key={event.key} event={event} />
          ))}
        </ol>
      </div>
      {events.value.length > shown.length && (
        <button type="button" onClick={() => (isLong.value = true)}>
          Show all {events.value.length}
        </button>
      )}
    </section>
  );
}
