-- readable-from: 1

-- The key that columns with secrets are sealed with, itself wrapped by the EncryptionKey that the server holds.
create table data_keys (
    id integer not null,
    wrapping text not null,
    material blob not null,
    check_value blob,
    created_at integer not null,
    changed_at integer not null,
    constraint data_keys_pkey primary key (id),
    constraint data_keys_id_check check (id = 1),
    constraint data_keys_wrapping_check check (wrapping in ('none', 'aes-256-gcm')),
    constraint data_keys_check_value_check check ((wrapping = 'none') = (check_value is null))
) strict;
