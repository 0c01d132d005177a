-- readable-from: 1
-- The key that columns with secrets are sealed with, itself wrapped by the EncryptionKey that web nodes hold.

create table data_keys (
    id bigint not null,
    wrapping text collate "C" not null,
    material bytea not null,
    check_value bytea,
    created_at bigint not null,
    changed_at bigint not null,
    constraint data_keys_pkey primary key (id),
    constraint data_keys_id_check check (id = 1),
    constraint data_keys_wrapping_check check (wrapping in ('none', 'aes-256-gcm')),
    constraint data_keys_check_value_check check ((wrapping = 'none') = (check_value is null))
);

comment on table data_keys is 'The site''s data key, made at the first start with an EncryptionKey; no row before.';
comment on column data_keys.id is 'Always 1.';
comment on column data_keys.wrapping is 'aes-256-gcm: of no use without the EncryptionKey; none: by choice, the key itself.';
comment on column data_keys.material is 'The key of 32 bytes, wrapped: nonce, ciphertext, tag.';
comment on column data_keys.check_value is 'Tells whether an EncryptionKey is the right one, and nothing else about it.';
comment on column data_keys.changed_at is 'When it was last wrapped.';
