//! Onboarding end to end: a real control plane and a real region, with a worker that dies anywhere.
