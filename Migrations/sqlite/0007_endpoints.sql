-- readable-from: 1
-- Where agents reach each web node.

alter table nodes add column agent_url text;
