-- readable-from: 1
-- All addresses of a session; how a browser shows a further one; targets that take whole networks for one client.

create table session_addresses (
    session_id text collate "C" not null,
    address text collate "C" not null,
    family text collate "C" not null,
    origin text collate "C" not null,
    added_at bigint not null,
    leaves_at bigint,
    left_at bigint,
    constraint session_addresses_pkey primary key (session_id, address),
    constraint session_addresses_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint session_addresses_family_check check (family in ('ipv4', 'ipv6')),
    constraint session_addresses_origin_check check (origin in ('sign_in', 'request', 'probe'))
);

comment on table session_addresses is 'Addresses that a user''s session may open things for; one without a row has that of its own row.';
comment on column session_addresses.origin is 'sign_in, request or probe: what showed that the client has it.';
comment on column session_addresses.added_at is 'When the session last took it; counts as a move for an hour, but for sign_in.';
comment on column session_addresses.leaves_at is 'When it leaves unless it is seen before; null for the newest of its family.';
comment on column session_addresses.left_at is 'When it left; kept for an hour, for the count of moves.';

create index session_addresses_leaves_at_idx on session_addresses (leaves_at) where leaves_at is not null;
create index session_addresses_left_at_idx on session_addresses (left_at) where left_at is not null;

insert into session_addresses (session_id, address, family, origin, added_at)
select id, address, case when position(':' in address) > 0 then 'ipv6' else 'ipv4' end, 'sign_in', created_at
from sessions
where ended_at is null and user_id is not null and address is not null and address_reason is null;

alter table sessions add column moves_since bigint;

comment on column sessions.moves_since is 'Earlier moves count no more, since the user has confirmed; null where they have not.';

create unlogged table address_probes (
    token_hash bytea not null,
    session_id text collate "C" not null,
    expires_at bigint not null,
    constraint address_probes_pkey primary key (token_hash),
    constraint address_probes_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade
);

comment on table address_probes is 'Tokens that a browser shows once at a ProbeURL; used ones go, cheap to lose.';
comment on column address_probes.token_hash is 'SHA-256 of the token.';

create index address_probes_session_id_idx on address_probes (session_id);
create index address_probes_expires_at_idx on address_probes (expires_at);

alter table targets add column ipv6_prefix bigint;

comment on column targets.ipv6_prefix is 'Entries are of networks of so many leading bits; null is of single addresses.';
