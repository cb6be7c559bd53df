//! The host's side of the interfaces in `wit/`, generated.

wasmtime::component::bindgen!({
    path: "wit",
    world: "platform",
    imports: { default: async },
    exports: { default: async },
    with: {
        "spin:postgres/postgres.connection": crate::postgres::Connection,
        "spin:postgres/postgres.connection-builder": crate::postgres::ConnectionBuilder,
        "spin:redis/redis.connection": crate::redis_host::Connection,
    },
});
