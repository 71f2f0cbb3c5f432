use super::*;
use crate::view::AnyObject;

fn assert_send_sync<T: Send + Sync + 'static>() {}

#[test]
fn public_types_are_send_and_sync() {
    assert_send_sync::<Store>();
    assert_send_sync::<Pool>();
    assert_send_sync::<StoreError>();
    assert_send_sync::<SnapshotError>();
    assert_send_sync::<Snapshot<'static>>();
    assert_send_sync::<SnapshotBuilder<'static>>();
    assert_send_sync::<Stored<AnyObject>>();
    assert_send_sync::<Listing<AnyObject>>();
    assert_send_sync::<Page<AnyObject>>();
    assert_send_sync::<Expansion>();
    assert_send_sync::<ExpandError>();
    assert_send_sync::<Cursor>();
    assert_send_sync::<Scope>();
    assert_send_sync::<TableNames>();
    assert_send_sync::<Changes>();
    assert_send_sync::<RowChange>();
    assert_send_sync::<Gap>();
    assert_send_sync::<PendingWrite>();
    assert_send_sync::<ChangeCursor>();
    assert_send_sync::<ChangedSince<AnyObject>>();
    assert_send_sync::<ChangedPage<AnyObject>>();
    assert_send_sync::<crate::Error>();
}

#[cfg(feature = "sqlite")]
#[test]
fn futures_are_send() {
    fn assert_send<T: Send>(_: T) {}
    fn check(
        store: &Store,
        batch: &[Snapshot<'_>],
        page: &mut Page<AnyObject>,
        reference: crate::view::Expandable<'_, crate::resources::Customer>,
    ) {
        assert_send(store.write(batch));
        assert_send(store.get_object("customer", "cus_1"));
        assert_send(store.list_object("customer").page());
        assert_send(store.expand(page, &["customer"]));
        assert_send(reference.resolve(store));
        assert_send(store.all_changes().listen());
        assert_send(store.all_changes().next());
        assert_send(store.all_changes().into_stream());
        assert_send(
            store
                .all_changed_since(&ChangeCursor::since(crate::clock::UnixMillis::MIN))
                .page(),
        );
        assert_send(store.ensure_changes_index());
        assert_send(store.migrate());
        assert_send(store.counts());
        assert_send(Store::connect("sqlite::memory:"));
    }
    let _ = check;
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn handles_share_the_pool_and_differ_in_scope() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    assert_eq!(store.scope(), &Scope::default());
    let connected = store.test_mode().account("acct_1");
    assert_eq!(connected.scope().to_string(), "acct_1, test");
    assert_eq!(connected.platform().live_mode().scope(), store.scope());
    assert_eq!(
        format!("{connected:?}"),
        "Store { dialect: Sqlite, table: \"stripe_objects\", scope: Scope { account: Some(AccountId(\"acct_1\")), mode: Test }, has_reader: false, models: [], .. }"
    );
    let schema = TableNames::new().with_schema("billing").unwrap();
    assert!(matches!(
        store.with_tables(schema),
        Err(StoreError::SchemaUnsupported { .. })
    ));
}
