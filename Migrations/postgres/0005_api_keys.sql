-- readable-from: 1
-- Keys for programs; lists of addresses that other devices fetch, from the site itself too.

create table api_keys (
    id text collate "C" not null,
    name text collate "C" not null,
    name_key text collate "C" not null,
    secret_hash bytea not null,
    scopes text collate "C" not null,
    networks text collate "C" not null,
    expires_at bigint,
    disabled bigint not null default 0,
    last_used_at bigint,
    last_address text collate "C",
    version bigint not null default 1,
    created_at bigint not null,
    updated_at bigint not null,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_name_key_key unique (name_key),
    constraint api_keys_secret_hash_key unique (secret_hash)
);

comment on table api_keys is 'Keys by which programs are known, as administrators made them.';
comment on column api_keys.secret_hash is 'SHA-256 of the secret.';
comment on column api_keys.scopes is 'What it is for, words separated by spaces, such as allowlists.read.';
comment on column api_keys.networks is 'Where it may be used from, networks separated by spaces.';
comment on column api_keys.expires_at is 'When it ends by itself; null where it does not.';
comment on column api_keys.last_used_at is 'Written at most once a minute.';

create table allow_lists (
    id text collate "C" not null,
    knoc_id text collate "C" not null,
    created_at bigint not null,
    constraint allow_lists_pkey primary key (id),
    constraint allow_lists_knoc_id_key unique (knoc_id)
);

comment on table allow_lists is 'Where devices fetch the addresses of a Knoc; outlives the Knoc, so that they are told that nobody is on it.';
comment on column allow_lists.id is 'Random; part of the address.';

-- The site as one of the places where a Knoc is enforced. It has no token, so nothing can link as it.
insert into agents (id, name, name_key, change_id, created_at, updated_at)
values (
    '00000000-0000-7000-8000-000000000000', 'the server', '', replace(gen_random_uuid()::text, '-', ''),
    knocknoc_now(), knocknoc_now());
