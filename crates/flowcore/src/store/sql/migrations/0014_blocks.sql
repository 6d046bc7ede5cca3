-- Kinds of blocks: what a block is called, and what is said of it.
CREATE TABLE block_types (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    name {text} NOT NULL UNIQUE,
    slug {text} NOT NULL UNIQUE,
    logo_url {text},
    documentation_url {text},
    description {text},
    code_example {text},
    is_protected BIGINT NOT NULL
);

-- Forms of blocks: which fields one has. `fields` and `capabilities` are JSON; `nested` is, by the names of fields, the
-- schemas of the blocks that may stand there.
CREATE TABLE block_schemas (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    block_type_id {uuid} NOT NULL,
    checksum {text} NOT NULL,
    version {text} NOT NULL,
    fields {text} NOT NULL,
    capabilities {text} NOT NULL,
    nested {text} NOT NULL,
    UNIQUE (checksum, version)
);

-- The schemas of a type, newest first; also when it is deleted.
CREATE INDEX block_schemas_type ON block_schemas (block_type_id, created);

-- Blocks. `data` is JSON, encrypted; `nested` is, by the names of fields, the block that stands there.
CREATE TABLE block_documents (
    id {uuid} NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    name {text} NOT NULL,
    is_anonymous BIGINT NOT NULL,
    block_type_id {uuid} NOT NULL,
    block_type_name {text} NOT NULL,
    block_schema_id {uuid} NOT NULL,
    data {bytes} NOT NULL,
    nested {text} NOT NULL,
    UNIQUE (block_type_id, name)
);

-- What goes with a schema when that is deleted.
CREATE INDEX block_documents_schema ON block_documents (block_schema_id);

-- Sorted by name, over all types.
CREATE INDEX block_documents_name ON block_documents (name, id);

-- What can be decrypted with the right keys only: one row, by which a wrong key is noticed.
CREATE TABLE encryption_proof (
    id {uuid} NOT NULL PRIMARY KEY,
    sealed {bytes} NOT NULL
);
