-- Idempotency keys: which request a customer's key stands for, what it changed and what it was
-- answered, so that a request sent again is answered again and not carried out again.

create table idempotency_keys (
    -- As the token has it; people who never order have keys too.
    user_id varchar(255) not null,
    key varchar(255) not null,
    -- SHA-256 of the request. The request itself isn't kept.
    fingerprint bytea not null,
    -- Who carries the request out, and until when nobody else does.
    token varchar(64) not null,
    leased_until timestamptz not null,
    -- What the change answered, recorded by the changing statement itself: the request is not to be
    -- carried out again, even if nobody lived to answer it.
    outcome text,
    -- The answer.
    status integer,
    headers jsonb,
    body text,
    expires_at timestamptz not null,
    constraint idempotency_keys_pkey primary key (user_id, key),
    constraint idempotency_keys_key_check check (key <> ''),
    constraint idempotency_keys_fingerprint_check check (octet_length(fingerprint) = 32),
    -- What invites to try again is not kept.
    constraint idempotency_keys_status_check check (status between 200 and 499),
    constraint idempotency_keys_answer_check check (num_nulls(status, headers, body) in (0, 3))
);

-- Serves forgetting.
create index idx_idempotency_keys_expires_at on idempotency_keys (expires_at);

-- Records what a change answered, as a part of the change. The whole change fails when its request
-- was given up for dead meanwhile and another one has the key.
create function record_outcome(owner text, claimed_key text, claim text, documents text) returns boolean
    language plpgsql as $$
begin
    update idempotency_keys set outcome = documents
    where user_id = owner and key = claimed_key and token = claim and status is null;
    if not found then
        raise exception 'another request has the idempotency key'
            using errcode = 'integrity_constraint_violation', constraint = 'idempotency_keys_token';
    end if;
    return true;
end $$;
