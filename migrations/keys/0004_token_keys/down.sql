DROP TABLE keystore.token_key;
DROP FUNCTION keystore.guard_token_key();
