DROP TABLE {{phi}}.document_text;
DROP TABLE {{ops}}.document_link;
DROP TABLE {{ops}}.document;
DROP TABLE {{ops}}.stored_part;
DROP TABLE {{ops}}.stored_object;
