// What the reader's system asks of all pages.

import { signal } from '@preact/signals';

const darkScheme = matchMedia('(prefers-color-scheme: dark)');
export const isDark = signal(darkScheme.matches);
darkScheme.addEventListener('change', () => (isDark.value = darkScheme.matches));

export const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
