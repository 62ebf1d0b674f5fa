/* Style sheets for shadow roots. The policy of the pages allows no inline style, so they are
   constructed; colours and measures are the tokens of css/style.css, which reach inside. */

export function sheet(css) {
  const result = new CSSStyleSheet();
  result.replaceSync(css);
  return result;
}

export const controls = sheet(`
  *, *::before, *::after { box-sizing: border-box; }
  :focus-visible, input:focus-within { outline: 3px solid var(--accent); outline-offset: 2px; }
  button, input {
    min-height: var(--target);
    border: 1px solid var(--control-line);
    border-radius: var(--radius);
    background: var(--surface);
    color: var(--text);
    font: inherit;
  }
  button { padding: 0.25rem 0.875rem; font-weight: 500; cursor: pointer; }
  button:hover { border-color: var(--accent); background: var(--accent-soft); }
  input { padding: 0.5rem 0.75rem; }
  label, .caption { color: var(--muted); font-size: var(--small); }
`);
