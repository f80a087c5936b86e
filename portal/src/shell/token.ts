// The token of a mailed link: in the fragment, which no browser sends anywhere, and out of the address and the history at once.

/** The token, where the page was opened at this path; read once, when the page loads. */
export function takeToken(path: string): string {
  if (location.pathname !== path) return '';
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  history.replaceState(null, '', path);
  return token;
}
