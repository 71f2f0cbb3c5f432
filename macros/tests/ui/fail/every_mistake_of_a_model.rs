use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "customers!", own = 3)]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    #[stripe(refrences = "users(id)", on_delete = "cascade")]
    user_id: i64,
    #[stripe(json, unique, index)]
    livemode: bool,
    #[stripe(path)]
    email: String,
}

fn main() {}
