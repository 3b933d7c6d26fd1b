data {
  int<lower=1> K, N;
  array[N] int<lower=1, upper=K> g;
  vector[N] y;
  vector<lower=0>[N] sigma;
}
parameters {
  real mu;
  real<lower=0> tau;
  vector[K] z;
}
transformed parameters {
  vector[K] theta = mu + tau * z;
}
model {
  mu ~ normal(0, 5);
  tau ~ normal(0, 5);
  z ~ std_normal();
  y ~ normal(theta[g], sigma);
}
