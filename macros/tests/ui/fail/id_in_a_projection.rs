use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer)]
struct AppCustomer {
    #[stripe(id)]
    local_id: i64,
}

fn main() {}
