//! `spin:key-value` and `spin:variables` as components import them.

use std::sync::Arc;

use wasmtime::component::{Accessor, FutureReader, HasData, Resource, ResourceTable, StreamReader};

use crate::instance::ComponentRuntime;
use crate::key_value::{MAX_KEY, MAX_KEYS, MAX_VALUE};

mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "causeway:host/spin-interfaces",
        imports: { default: async | trappable },
        with: { "spin:key-value/key-value@3.0.0.store": super::OpenStore },
    });
}

use bindings::spin::key_value::key_value::{self, Error as StoreError};
use bindings::spin::variables::variables::{self, Error as VariableError};

pub(crate) use bindings::spin::key_value::key_value::add_to_linker as add_key_value;
pub(crate) use bindings::spin::variables::variables::add_to_linker as add_variables;

/// A store that a component has opened.
#[expect(unreachable_pub, reason = "the generated code beside it re-exports it")]
#[derive(Debug, Clone)]
pub struct OpenStore {
    label: Arc<str>,
}

/// Names the view in wasmtime's type machinery.
pub(crate) struct SpinInterfaces;

impl HasData for SpinInterfaces {
    type Data<'a> = SpinView<'a>;
}

/// What the interfaces need of an instance.
pub(crate) struct SpinView<'a> {
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) component: &'a Arc<ComponentRuntime>,
}

/// Logs what went wrong and tells the component only that it did.
fn storage(error: &sqlx::Error) -> StoreError {
    tracing::error!(%error, "the key-value store failed");
    StoreError::Other("the store is not available".to_owned())
}

fn check_key(key: &str) -> Result<(), StoreError> {
    if key.len() > MAX_KEY {
        return Err(StoreError::Other(format!("keys may have {MAX_KEY} bytes")));
    }
    Ok(())
}

/// The component and the store behind a handle.
fn opened<T>(
    accessor: &Accessor<T, SpinInterfaces>,
    store: &Resource<OpenStore>,
) -> wasmtime::Result<(Arc<ComponentRuntime>, Arc<str>)> {
    accessor.with(|mut access| {
        let view = access.get();
        Ok((Arc::clone(view.component), Arc::clone(&view.table.get(store)?.label)))
    })
}

impl<T: Send> key_value::HostStoreWithStore<T> for SpinInterfaces {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<OpenStore>, StoreError>> {
        let component = accessor.with(|mut access| Arc::clone(access.get().component));
        if !component.key_value_stores.contains(&label) {
            return Ok(Err(StoreError::AccessDenied));
        }
        if let Err(error) = component.key_value.open().await {
            return Ok(Err(storage(&error)));
        }
        let store = OpenStore { label: label.into() };
        accessor.with(|mut access| Ok(Ok(access.get().table.push(store)?)))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, StoreError>> {
        let (component, label) = opened(accessor, &store)?;
        Ok(component.key_value.get(&label, &key).await.map_err(|error| storage(&error)))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        let (component, label) = opened(accessor, &store)?;
        if let Err(error) = check_key(&key) {
            return Ok(Err(error));
        }
        if value.len() > MAX_VALUE {
            return Ok(Err(StoreError::Other(format!("values may have {MAX_VALUE} bytes"))));
        }
        Ok(component.key_value.set(&label, &key, &value).await.map_err(|error| storage(&error)))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> wasmtime::Result<Result<(), StoreError>> {
        let (component, label) = opened(accessor, &store)?;
        Ok(component.key_value.delete(&label, &key).await.map_err(|error| storage(&error)))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
        key: String,
    ) -> wasmtime::Result<Result<bool, StoreError>> {
        let (component, label) = opened(accessor, &store)?;
        Ok(component.key_value.exists(&label, &key).await.map_err(|error| storage(&error)))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<OpenStore>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), StoreError>>)> {
        let (component, label) = opened(accessor, &store)?;
        let (keys, result) = match component.key_value.keys(&label).await {
            Ok(keys) if i64::try_from(keys.len()).is_ok_and(|count| count <= MAX_KEYS) => (keys, Ok(())),
            Ok(_) => (Vec::new(), Err(StoreError::Other(format!("the store has more than {MAX_KEYS} keys")))),
            Err(error) => (Vec::new(), Err(storage(&error))),
        };
        accessor.with(|mut access| {
            Ok((
                StreamReader::new(&mut access, keys)?,
                FutureReader::new(&mut access, async move { wasmtime::error::Ok(result) })?,
            ))
        })
    }
}

impl key_value::Host for SpinView<'_> {}

impl key_value::HostStore for SpinView<'_> {
    async fn drop(&mut self, store: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        Ok(())
    }
}

impl<T: Send> variables::HostWithStore<T> for SpinInterfaces {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, VariableError>> {
        let component = accessor.with(|mut access| Arc::clone(access.get().component));
        Ok(match component.variables.get(&name) {
            Some(value) => Ok(value.clone()),
            None => Err(VariableError::Undefined(name)),
        })
    }
}

impl variables::Host for SpinView<'_> {}
