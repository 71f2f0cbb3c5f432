use stripe_store::StripeModel;

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer<'a> {
    #[stripe(base)]
    customer: Stored<Customer>,
    tier: &'a str,
}

fn main() {}
