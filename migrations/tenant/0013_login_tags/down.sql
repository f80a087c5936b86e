ALTER TABLE {{ops}}.account DROP CONSTRAINT login_tagged;
ALTER TABLE {{ops}}.account DROP COLUMN login_tag_even;
ALTER TABLE {{ops}}.account ALTER COLUMN login_tag SET NOT NULL;
