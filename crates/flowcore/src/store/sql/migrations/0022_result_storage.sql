-- The block that results go to where nothing else is said: one row at most.
CREATE TABLE default_result_storage (
    id {uuid} NOT NULL PRIMARY KEY,
    block_document_id {uuid} NOT NULL
);
