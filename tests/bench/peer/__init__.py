"""Agreement of the simulated exchange with hftbacktest 2.4.4, order by order; run by hand."""
