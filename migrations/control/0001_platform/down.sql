-- Removes the control plane's schema with everything in it.
drop schema platform cascade;
