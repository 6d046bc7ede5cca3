//! Leases.

use std::sync::Arc;

use flowcore::store::Store;

use crate::model::lease;

pub(crate) async fn leases_are_kept_renewed_and_forgotten(store: Arc<dyn Store>) {
    store.put_process(lease(2, 10)).await.unwrap();
    store.put_process(lease(1, 10)).await.unwrap();
    store.put_process(lease(2, 20)).await.unwrap();
    assert_eq!(store.processes().await.unwrap(), [lease(1, 10), lease(2, 20)]);
    store.remove_process(lease(1, 0).id).await.unwrap();
    store.remove_process(lease(1, 0).id).await.unwrap();
    assert_eq!(store.processes().await.unwrap(), [lease(2, 20)]);
}
