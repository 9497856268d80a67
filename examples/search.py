"""A search from Python, cut down to seconds.

python examples/search.py
"""

import hpsearch

study = hpsearch.read_study(
    "studies/softmax.yaml",
    "study.name=from-python",
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=50",
)
result = study.run(devices="cpu:2", trials=4, observer=hpsearch.live_view())

print(result.trials_dataframe())  # a pandas DataFrame, a row for each trial
print(result.curves_dataframe())  # a row for each trial and epoch, with every metric
print(result.best_params)
result.figure("history").write_html("history.html")  # a plotly figure
