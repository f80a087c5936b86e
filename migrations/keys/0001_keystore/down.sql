-- Destroys every key of the region, and with them every sealed value. It runs on scratch databases only.
DROP SCHEMA keystore CASCADE;
