// The ways in the bar, and which of them an address belongs to.

export interface Way {
  to: string;
  label: string;
}

/** The way whose address this is or stands above; of two, the nearer one. */
export function wayTo(address: string, ways: Way[]): Way | undefined {
  const above = ways.filter(({ to }) => address === to || (to !== '/' && address.startsWith(`${to}/`)));
  return above.sort((one, other) => other.to.length - one.to.length)[0];
}
