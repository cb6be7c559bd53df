//! `spin:postgres`: connections come from a pool; a statement is prepared anew each time it is sent.

#![expect(clippy::result_large_err, reason = "the interface's error holds all that the server tells")]

mod error;
mod parameters;
mod pool;
mod sql_types;
mod values;

use std::sync::Arc;

use deadpool_postgres::Object;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Row as DatabaseRow;
use tokio_postgres::types::ToSql;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

use self::error::{connection_failed, conversion_failed, query_failed};
pub use self::pool::Pools;
use crate::bindings::spin::postgres::postgres::{
    Column, DbValue, Error, Host, HostConnection, HostConnectionBuilder, HostConnectionBuilderWithStore,
    HostConnectionWithStore, ParameterValue, Row, RowSet,
};
use crate::engine::{InstanceState, Shared};

/// Rows that may wait for the guest to read them.
const ROWS_AHEAD: usize = 4;

/// A client taken from the pool, until the guest drops the connection and all that uses it has ended.
#[derive(Clone)]
pub struct Connection(Arc<Object>);

pub struct ConnectionBuilder {
    address: String,
}

impl Connection {
    async fn open(shared: &Shared, address: &str) -> Result<Self, Error> {
        let config = pool::permitted(address, &shared.allowed_hosts)?;
        let client = shared.postgres.get(address, config).await.map_err(|error| connection_failed(&error))?;
        Ok(Self(Arc::new(client)))
    }

    async fn execute(&self, statement: &str, parameters: &[ParameterValue]) -> Result<u64, Error> {
        let parameters =
            parameters::convert(parameters).map_err(|e| Error::ValueConversionFailed(format!("{e:?}")))?;
        let references: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|p| p.as_ref() as _).collect();
        self.0.execute(statement, &references).await.map_err(|error| query_failed(&error))
    }

    async fn rows(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Rows, Error> {
        let parameters =
            parameters::convert(parameters).map_err(|e| Error::BadParameter(format!("{e:?}")))?;
        let rows = self.0.query_raw(statement, parameters).await.map_err(|error| query_failed(&error))?;
        Ok(rows.map_err(|error| query_failed(&error)).boxed())
    }

    async fn query(&self, statement: &str, parameters: &[ParameterValue]) -> Result<RowSet, Error> {
        let rows: Vec<DatabaseRow> = self.rows(statement, parameters).await?.try_collect().await?;
        Ok(RowSet {
            columns: rows.first().map(values::columns).unwrap_or_default(),
            rows: rows.iter().map(convert).collect::<Result<_, _>>()?,
        })
    }

    /// Sends the query; answers once the first row, which tells the columns, or the end is there.
    async fn stream(&self, statement: &str, parameters: &[ParameterValue]) -> Result<Streamed, Error> {
        // Fused: the driver's stream may not be asked again after its end.
        let mut rows = self.rows(statement, parameters).await?.fuse();
        let first = rows.next().await;
        let columns = match &first {
            Some(Ok(row)) => values::columns(row),
            _ => Vec::new(),
        };
        let (sender, receiver) = mpsc::channel(ROWS_AHEAD);
        let (result_sender, result) = oneshot::channel();
        let all = futures::stream::iter(first).chain(rows);
        tokio::spawn(async move {
            let ended = tokio::select! {
                // The guest stopped reading.
                () = sender.closed() => Ok(()),
                ended = forward(all, &sender) => ended,
            };
            // The guest may have dropped this too; then nobody wants to know.
            drop(result_sender.send(ended));
        });
        Ok(Streamed { columns, rows: receiver, result })
    }
}

type Rows = BoxStream<'static, Result<DatabaseRow, Error>>;

struct Streamed {
    columns: Vec<Column>,
    rows: mpsc::Receiver<Vec<DbValue>>,
    result: oneshot::Receiver<Result<(), Error>>,
}

async fn forward(
    mut rows: impl futures::Stream<Item = Result<DatabaseRow, Error>> + Unpin,
    sender: &mpsc::Sender<Vec<DbValue>>,
) -> Result<(), Error> {
    while let Some(row) = rows.try_next().await? {
        if sender.send(convert(&row)?).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn convert(row: &DatabaseRow) -> Result<Vec<DbValue>, Error> {
    values::convert(row).map_err(|error| conversion_failed(&error))
}

impl Host for InstanceState {}

impl InstanceState {
    fn connection(&self, connection: &Resource<Connection>) -> Result<Connection, Error> {
        self.table.get(connection).cloned().map_err(|error| Error::Other(error.to_string()))
    }

    fn keep(&mut self, connection: Connection) -> Result<Resource<Connection>, Error> {
        self.table.push(connection).map_err(|_| Error::ConnectionFailed("too many connections".to_owned()))
    }
}

impl HostConnection for InstanceState {
    async fn open(&mut self, address: String) -> Result<Resource<Connection>, Error> {
        let connection = Connection::open(&self.shared, &address).await?;
        self.keep(connection)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<u64, Error> {
        self.connection(&connection)?.execute(&statement, &parameters).await
    }

    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<RowSet, Error> {
        self.connection(&connection)?.query(&statement, &parameters).await
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

type State = HasSelf<InstanceState>;

async fn open<T>(accessor: &Accessor<T, State>, address: &str) -> Result<Resource<Connection>, Error> {
    let shared = accessor.with(|mut access| Arc::clone(&access.get().shared));
    let connection = Connection::open(&shared, address).await?;
    accessor.with(|mut access| access.get().keep(connection))
}

impl<T: Send + 'static> HostConnectionWithStore<T> for State {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Resource<Connection>, Error> {
        open(accessor, &address).await
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<u64, Error> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        connection.execute(&statement, &parameters).await
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> Result<(Vec<Column>, StreamReader<Row>, FutureReader<Result<(), Error>>), Error> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        let streamed = connection.stream(&statement, &parameters).await?;
        accessor
            .with(|mut access| {
                let rows = StreamReader::new(&mut access, values::RowProducer(streamed.rows))?;
                let result = FutureReader::new(&mut access, streamed.result)?;
                Ok((streamed.columns, rows, result))
            })
            .map_err(|error: wasmtime::Error| Error::Other(error.to_string()))
    }
}

impl HostConnectionBuilder for InstanceState {
    async fn new(&mut self, address: String) -> Resource<ConnectionBuilder> {
        let builder = self.table.push(ConnectionBuilder { address });
        builder.expect("an instance has no millions of resources")
    }

    async fn set_ca_root(
        &mut self,
        _builder: Resource<ConnectionBuilder>,
        _certificate: String,
    ) -> Result<(), Error> {
        Err(Error::Other("the stand-in has no TLS".to_owned()))
    }

    async fn build(&mut self, builder: Resource<ConnectionBuilder>) -> Result<Resource<Connection>, Error> {
        let address = self.address(&builder)?;
        HostConnection::open(self, address).await
    }

    async fn drop(&mut self, builder: Resource<ConnectionBuilder>) -> wasmtime::Result<()> {
        self.table.delete(builder)?;
        Ok(())
    }
}

impl InstanceState {
    fn address(&self, builder: &Resource<ConnectionBuilder>) -> Result<String, Error> {
        let builder = self.table.get(builder).map_err(|error| Error::Other(error.to_string()))?;
        Ok(builder.address.clone())
    }
}

impl<T: Send + 'static> HostConnectionBuilderWithStore<T> for State {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        builder: Resource<ConnectionBuilder>,
    ) -> Result<Resource<Connection>, Error> {
        let address = accessor.with(|mut access| access.get().address(&builder))?;
        open(accessor, &address).await
    }
}
