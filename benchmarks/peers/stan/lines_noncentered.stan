data {
  int<lower=1> K, N;
  array[N] int<lower=1, upper=K> g;
  vector[N] x, y;
}
parameters {
  real mu_intercept, mu_slope;
  real<lower=0> sigma_intercept, sigma_slope, sigma_noise;
  vector[K] z_intercept, z_slope;
}
transformed parameters {
  vector[K] intercept = mu_intercept + sigma_intercept * z_intercept;
  vector[K] slope = mu_slope + sigma_slope * z_slope;
}
model {
  mu_intercept ~ normal(0, 5);
  mu_slope ~ normal(0, 5);
  sigma_intercept ~ cauchy(0, 2);
  sigma_slope ~ cauchy(0, 2);
  sigma_noise ~ exponential(1);
  z_intercept ~ std_normal();
  z_slope ~ std_normal();
  y ~ normal(intercept[g] + slope[g] .* x, sigma_noise);
}
