-- readable-from: 1
-- Keys for programs; lists of addresses that other devices fetch, from the site itself too.

-- Keys by which programs are known, as administrators made them.
create table api_keys (
    id text not null,
    name text not null,
    name_key text not null,
    secret_hash blob not null,
    scopes text not null,
    networks text not null,
    expires_at integer,
    disabled integer not null default 0,
    last_used_at integer,
    last_address text,
    version integer not null default 1,
    created_at integer not null,
    updated_at integer not null,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_name_key_key unique (name_key),
    constraint api_keys_secret_hash_key unique (secret_hash)
) strict;

-- Where devices fetch the addresses of a Knoc; outlives the Knoc, so that they are told that nobody is on it.
create table allow_lists (
    id text not null,
    knoc_id text not null,
    created_at integer not null,
    constraint allow_lists_pkey primary key (id),
    constraint allow_lists_knoc_id_key unique (knoc_id)
) strict;

-- The site as one of the places where a Knoc is enforced. It has no token, so nothing can link as it.
insert into agents (id, name, name_key, change_id, created_at, updated_at)
values (
    '00000000-0000-7000-8000-000000000000', 'the server', '', lower(hex(randomblob(16))),
    knocknoc_now(), knocknoc_now());
