data {
  int<lower=1> K, N;
  array[N] int<lower=1, upper=K> g;
  vector[N] x, y;
}
parameters {
  real mu_intercept, mu_slope;
  real<lower=0> sigma_intercept, sigma_slope, sigma_noise;
  vector[K] intercept, slope;
}
model {
  mu_intercept ~ normal(0, 5);
  mu_slope ~ normal(0, 5);
  sigma_intercept ~ cauchy(0, 2);
  sigma_slope ~ cauchy(0, 2);
  sigma_noise ~ exponential(1);
  intercept ~ normal(mu_intercept, sigma_intercept);
  slope ~ normal(mu_slope, sigma_slope);
  y ~ normal(intercept[g] + slope[g] .* x, sigma_noise);
}
