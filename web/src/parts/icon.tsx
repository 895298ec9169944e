// Line icons on a 16 by 16 grid. They stand beside words and say nothing to a screen reader.
const paths = {
  onboarding: "M2 13.5h12M4 11V8M8 11V3M12 11V5.5",
  live: "M1.5 8H4l2-5 3.5 10L11.5 8h3",
  accounts: "M8 8a2.75 2.75 0 1 0 0-5.5A2.75 2.75 0 0 0 8 8ZM2.5 14c.4-2.6 2.6-4 5.5-4s5.1 1.4 5.5 4",
  problems: "M8 2 14.5 13.5h-13L8 2ZM8 6.5v3M8 11.6v.1",
  settings: "M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6M10 2.750v3.5M6 9.750v3.5",
  check: "m3 8.5 3.5 3.5L13 4.5",
  cross: "m4 4 8 8M12 4l-8 8",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.2l2 1.3",
  circle: "M8 13A5 5 0 1 0 8 3a5 5 0 0 0 0 10Z",
  progress: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5",
  warning: "M8 2 14.5 13.5h-13L8 2ZM8 6.5v3M8 11.6v.1",
  bolt: "M9 1.5 3.5 9H8l-1 5.5L12.5 7H8l1-5.5Z",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  chevron: "m6 4 4 4-4 4",
  back: "M13 8H3M7 4 3 8l4 4",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M5 3v10l8-5-8-5Z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  shield: "M8 1.8 13 4v3.7c0 3.1-2.1 5.3-5 6.5-2.9-1.2-5-3.4-5-6.5V4l5-2.2Z",
  send: "M14 2 7 9M14 2 9.5 14 7 9 2 6.5 14 2Z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
