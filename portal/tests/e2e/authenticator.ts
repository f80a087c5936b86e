// The browser's own stand-in for an authenticator.
import type { BrowserContext } from 'playwright-core';

/** An authenticator as a laptop has one: it keeps passkeys and knows its owner. */
export async function plugIn(context: BrowserContext): Promise<void> {
  const [page] = context.pages();
  const devtools = await context.newCDPSession(page ?? (await context.newPage()));
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
