data {
  int<lower=1> K, N;
  array[N] int<lower=1, upper=K> g;
  vector[N] y;
  vector<lower=0>[N] sigma;
  int<lower=0, upper=K> C;
  array[C] int<lower=1, upper=K> centered;
  array[K - C] int<lower=1, upper=K> noncentered;
}
parameters {
  real mu;
  real<lower=0> tau;
  vector[C] theta_centered;
  vector[K - C] z;
}
transformed parameters {
  vector[K] theta;
  theta[centered] = theta_centered;
  theta[noncentered] = mu + tau * z;
}
model {
  mu ~ normal(0, 5);
  tau ~ normal(0, 5);
  theta_centered ~ normal(mu, tau);
  z ~ std_normal();
  y ~ normal(theta[g], sigma);
}
