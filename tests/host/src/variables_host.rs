//! `spin:variables`: gives a component its own variables.

use wasmtime::component::{Accessor, HasSelf};

use crate::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use crate::engine::InstanceState;
use crate::variables::check_name;

impl Host for InstanceState {}

impl<T: Send + 'static> HostWithStore<T> for HasSelf<InstanceState> {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<String, Error> {
        check_name(&name).map_err(Error::InvalidName)?;
        accessor.with(|mut access| {
            let shared = &access.get().shared;
            let undefined = || Error::Undefined(format!("no variable for {:?}.{name:?}", shared.id));
            shared.variables.get(&name).cloned().ok_or_else(undefined)
        })
    }
}
