-- Tags of log-ins under two versions of the clinic's blind-index key while it is rotated. A version's tags have one column, by
-- whether its number is odd or even, so that an address is unique whichever version a process looks by.
ALTER TABLE {{ops}}.account ALTER COLUMN login_tag DROP NOT NULL;
ALTER TABLE {{ops}}.account ADD COLUMN login_tag_even bytea UNIQUE;
ALTER TABLE {{ops}}.account ADD CONSTRAINT login_tagged CHECK (login_tag IS NOT NULL OR login_tag_even IS NOT NULL);
