// Where this page is served: what the server wrote into it about the clinic and its region.

export type Jurisdiction = 'US' | 'IN';

const html = document.documentElement.dataset;

/** The clinic's name in its address; empty on the control host. */
export const CLINIC = html.clinic ?? '';
/** The clinic's home region, such as `ap-south-1`. */
export const REGION = html.region ?? '';
/** Whose law the region is under; it decides formats and which identifiers there are. */
export const JURISDICTION: Jurisdiction = html.jurisdiction === 'IN' ? 'IN' : 'US';
/** Seconds without a request after which the server ends a session. */
export const IDLE_S = Number(html.idleS) || 900;
