//! The worker's onboarding loop.
