-- readable-from: 1
-- All addresses of a session; how a browser shows a further one; targets that take whole networks for one client.

-- Addresses that a user's session may open things for; one without a row has that of its own row.
create table session_addresses (
    session_id text not null,
    address text not null,
    family text not null,
    origin text not null,
    added_at integer not null,
    leaves_at integer,
    left_at integer,
    constraint session_addresses_pkey primary key (session_id, address),
    constraint session_addresses_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade,
    constraint session_addresses_family_check check (family in ('ipv4', 'ipv6')),
    constraint session_addresses_origin_check check (origin in ('sign_in', 'request', 'probe'))
) strict;

create index session_addresses_leaves_at_idx on session_addresses (leaves_at) where leaves_at is not null;
create index session_addresses_left_at_idx on session_addresses (left_at) where left_at is not null;

insert into session_addresses (session_id, address, family, origin, added_at)
select id, address, case when instr(address, ':') > 0 then 'ipv6' else 'ipv4' end, 'sign_in', created_at
from sessions
where ended_at is null and user_id is not null and address is not null and address_reason is null;

alter table sessions add column moves_since integer;

-- Tokens that a browser shows once at a ProbeURL; used ones go, cheap to lose.
create table address_probes (
    token_hash blob not null,
    session_id text not null,
    expires_at integer not null,
    constraint address_probes_pkey primary key (token_hash),
    constraint address_probes_session_id_fkey foreign key (session_id) references sessions (id) on delete cascade
) strict;

create index address_probes_session_id_idx on address_probes (session_id);
create index address_probes_expires_at_idx on address_probes (expires_at);

alter table targets add column ipv6_prefix integer;
