// What the map's signs mean.

export function Legend({ framesPerPulse }: { framesPerPulse: number }) {
  return (
    <details class="legend">
      <summary>Legend</summary>
      <ul>
        <li>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <circle cx="7" cy="7" r="5" class="body" />
            <rect x="17" y="3" width="8" height="8" class="body" />
          </svg>
          relay, client
        </li>
        <li>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <circle cx="7" cy="7" r="5.5" class="origin" />
            <circle cx="21" cy="7" r="3.5" class="body" />
            <circle cx="21" cy="7" r="6" class="ring" />
          </svg>
          origin of a stream, the node that answers
        </li>
        <li>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <path d="M0 4h28" class="thin" />
            <path d="M0 10h28" class="thick" />
          </svg>
          link, as wide as what it carries
        </li>
        <li>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <path d="M0 4h28" class="narrow" />
            <path d="M0 10h28" class="lossy" />
          </svg>
          does not keep up, loses 1 % or more
        </li>
        <li>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <path d="M0 7h28" class="tree" />
            <circle cx="9" cy="7" r="2.6" class="pulse" />
            <circle cx="21" cy="7" r="2.6" class="pulse" />
          </svg>
          tree of a stream; a pulse is {framesPerPulse} frames
        </li>
        <li>
          <svg viewBox="0 0 28 14" aria-hidden="true">
            <rect x="5" y="1" width="18" height="12" rx="6" class="badge" />
            <text x="14" y="10.5">
              3
            </text>
          </svg>
          viewers
        </li>
      </ul>
    </details>
  );
}
