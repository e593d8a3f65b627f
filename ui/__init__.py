"""The pages' parts, the only other place that knows Streamlit; `fracture_core` computes."""
